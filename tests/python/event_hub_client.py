"""Sends to a hub and receives from it with the official client; prints one JSON object with what it saw.

Usage: event_hub_client.py CONNECTION_STRING [WEBSOCKET_ADDRESS]
"""

import datetime
import json
import sys
import threading
import time

from azure.eventhub import EventData, EventHubConsumerClient, EventHubProducerClient, TransportType

RECEIVE_SECONDS_MAX = 30
# With an address: AMQP over WebSocket, there.
TRANSPORT = {
    "transport_type": TransportType.AmqpOverWebsocket,
    "custom_endpoint_address": sys.argv[2],
} if len(sys.argv) > 2 else {}
# Over WebSocket this client hands on what it has only after a second in which nothing came.
SEND_INTERVAL_SECONDS = 1.5 if TRANSPORT else 0.3


def send(connection_string):
    producer = EventHubProducerClient.from_connection_string(connection_string, **TRANSPORT)
    with producer:
        properties = producer.get_eventhub_properties()
        partition = producer.get_partition_properties("0")

        def batch(bodies, **options):
            events = producer.create_batch(**options)
            for body in bodies:
                event = EventData(body)
                event.properties = {"kind": "test"}
                events.add(event)
            producer.send_batch(events)

        batch(["hub-1", "hub-2"])
        batch(["zero-1", "zero-2", "zero-3"], partition_id="0")
        batch(["key-1", "key-2"], partition_key="a key")
        producer.send_event(EventData("single"), partition_id="1")
        producer.send_batch([EventData("x" * 200_000)], partition_id="1")
        after = [producer.get_partition_properties(id)["last_enqueued_sequence_number"] for id in ("0", "1")]
    return {
        "sent": [last + 1 for last in after],
        "name": properties["eventhub_name"],
        "partition_ids": properties["partition_ids"],
        "created_at": properties["created_at"].isoformat(),
        "empty": partition["is_empty"],
        "last_sequence_number": partition["last_enqueued_sequence_number"],
    }


def receive(connection_string, partition, expected, **options):
    """Receives until `expected` events arrived; more within the last batch are kept too."""
    consumer = EventHubConsumerClient.from_connection_string(
        connection_string, consumer_group="$Default", **TRANSPORT
    )
    events = []
    done = threading.Event()

    def on_event(context, event):
        if event is not None:
            events.append({
                "body": event.body_as_str() if len(event.body_as_str()) < 100 else len(event.body_as_str()),
                "sequence_number": event.sequence_number,
                "offset": event.offset,
                "enqueued_time_ms": int(event.enqueued_time.timestamp() * 1000),
                "partition_key": event.partition_key.decode() if event.partition_key else None,
                "properties": sorted(str(key) for key in event.properties),
                "last_enqueued": (context.last_enqueued_event_properties or {}).get("sequence_number"),
            })
        if len(events) >= expected:
            done.set()

    def on_error(context, error):
        print("error", repr(error), file=sys.stderr)

    worker = threading.Thread(
        target=lambda: consumer.receive(
            on_event=on_event, on_error=on_error, partition_id=partition, max_wait_time=1, **options
        )
    )
    worker.start()
    done.wait(RECEIVE_SECONDS_MAX)
    consumer.close()
    worker.join(RECEIVE_SECONDS_MAX)
    return events


def main():
    connection_string = sys.argv[1]
    hub = send(connection_string)
    seen = {"hub": hub}
    earliest = receive(connection_string, "0", hub["sent"][0], starting_position="-1",
                       track_last_enqueued_event_properties=True)
    seen["earliest"] = earliest
    middle = earliest[-2]
    seen["after_sequence_number"] = receive(
        connection_string, "0", 1, starting_position=middle["sequence_number"]
    )
    seen["from_offset"] = receive(
        connection_string, "0", 2, starting_position=middle["offset"], starting_position_inclusive=True
    )
    moment = datetime.datetime.fromtimestamp(
        (earliest[0]["enqueued_time_ms"] - 1) / 1000, tz=datetime.timezone.utc
    )
    seen["after_time"] = receive(connection_string, "0", len(earliest), starting_position=moment)
    seen["owner_level"] = receive(connection_string, "1", hub["sent"][1], starting_position="-1", owner_level=5)

    latest = []
    reader = threading.Thread(
        target=lambda: latest.extend(receive(connection_string, "0", 1, starting_position="@latest", owner_level=1))
    )
    reader.start()
    producer = EventHubProducerClient.from_connection_string(connection_string, **TRANSPORT)
    with producer:
        deadline = time.monotonic() + RECEIVE_SECONDS_MAX
        number = 0
        # Events sent before the reader attached are not for it, so send until it saw one.
        while reader.is_alive() and time.monotonic() < deadline:
            number += 1
            producer.send_event(EventData(f"late-{number}"), partition_id="0")
            reader.join(SEND_INTERVAL_SECONDS)
    seen["latest"] = latest
    print(json.dumps(seen))


main()

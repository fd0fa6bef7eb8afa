"""Receives as one of several consumers that share checkpoints in a container, with the official packages; prints one JSON
object: for each partition the numbers of what came, in order.

Usage: blob_checkpoints.py EVENT_HUB_CONNECTION_STRING STORAGE_CONNECTION_STRING CONTAINER EXPECTED
"""

import json
import sys
import threading

from azure.eventhub import EventHubConsumerClient
from azure.eventhub.extensions.checkpointstoreblob import BlobCheckpointStore

RECEIVE_SECONDS_MAX = 120
# What must not come gets this long to come all the same.
QUIET_SECONDS = 3


def main():
    hub, storage, container, expected = sys.argv[1:5]
    store = BlobCheckpointStore.from_connection_string(storage, container)
    consumer = EventHubConsumerClient.from_connection_string(
        hub,
        consumer_group="$Default",
        checkpoint_store=store,
        load_balancing_interval=1,
        partition_ownership_expiration_interval=5,
    )
    numbers = {}
    done = threading.Event()

    def on_event(context, event):
        numbers.setdefault(context.partition_id, []).append(event.sequence_number)
        context.update_checkpoint(event)
        if sum(map(len, numbers.values())) >= int(expected):
            done.set()

    def on_error(context, error):
        print("error", repr(error), file=sys.stderr)

    worker = threading.Thread(
        target=lambda: consumer.receive(on_event=on_event, on_error=on_error, starting_position="-1")
    )
    worker.start()
    if done.wait(RECEIVE_SECONDS_MAX):
        threading.Event().wait(QUIET_SECONDS)
    consumer.close()
    worker.join(RECEIVE_SECONDS_MAX)
    print(json.dumps(numbers))


main()

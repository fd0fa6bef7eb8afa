"""Fills the demo's hub with invented alerts and recommendations, one event a second, until it is stopped."""

import json
import os
import random
import time
import uuid
from datetime import datetime, timezone
from pathlib import Path

from azure.eventhub import EventData, EventHubProducerClient

HUB = "defender"
SUBSCRIPTION = "00000000-0000-4000-8000-000000000001"
SEVERITIES = ["High", "Medium", "Low", "Informational"]


def now():
    return datetime.now(timezone.utc).isoformat().replace("+00:00", "Z")


def machine():
    name = f"vm-{random.randrange(40):02}"
    return (
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups/demo"
        f"/providers/Microsoft.Compute/virtualMachines/{name}"
    )


def alert():
    resource = machine()
    return {
        "VendorName": "Microsoft",
        "AlertType": "DEMO_SuspiciousProcess",
        "AlertDisplayName": "Demo: suspicious process executed",
        "Description": "An invented alert of the demo.",
        "SystemAlertId": str(uuid.uuid4()),
        "Severity": random.choice(SEVERITIES),
        "Status": "New",
        "StartTimeUtc": now(),
        "EndTimeUtc": now(),
        "TimeGenerated": now(),
        "ResourceIdentifiers": [{"Type": "AzureResource", "AzureResourceId": resource}],
        "Entities": [{"$id": "1", "Type": "host", "HostName": resource.rsplit("/", 1)[1]}],
    }


def assessment():
    resource = machine()
    name = str(uuid.uuid5(uuid.NAMESPACE_URL, resource))
    return {
        "id": f"{resource}/providers/Microsoft.Security/assessments/{name}",
        "name": name,
        "type": "Microsoft.Security/assessments",
        "properties": {
            "displayName": "Demo: machines should be patched",
            "status": {
                "code": random.choice(["Healthy", "Unhealthy"]),
                "statusChangeDate": now(),
            },
            "resourceDetails": {"source": "Azure", "id": resource},
            "metadata": {"severity": random.choice(SEVERITIES[:3])},
        },
    }


def main():
    path = Path(os.environ["EVENT_HUB_CONNECTION_STRING_FILE"])
    producer = EventHubProducerClient.from_connection_string(
        path.read_text().strip(), eventhub_name=HUB
    )
    with producer:
        while True:
            item = random.choice([alert, assessment])()
            producer.send_batch([EventData(json.dumps(item))])
            time.sleep(1)


if __name__ == "__main__":
    main()

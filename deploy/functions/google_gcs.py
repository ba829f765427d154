"""Google Cloud Run functions: events of a Cloud Storage bucket go to Flotilla's queue. Entry point: `forward`."""

import functions_framework

import flotilla_queue


@functions_framework.cloud_event
def forward(cloud_event):
    """A CloudEvent of Cloud Storage, or of Pub/Sub, goes on in CloudEvents' JSON form."""
    flotilla_queue.send([{**cloud_event.get_attributes(), "data": cloud_event.get_data()}])

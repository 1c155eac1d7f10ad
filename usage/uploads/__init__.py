"""The life of an upload: received, checked, decided on, applied or discarded, and deleted when its time is up."""

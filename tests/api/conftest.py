"""The client of these tests calls the API with a token."""

import pytest

from tests.api_clients import ApiClient


@pytest.fixture
def client(api_client: ApiClient) -> ApiClient:
    """Return a client with an API token of Ana's."""
    return api_client

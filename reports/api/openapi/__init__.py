"""How the API describes itself, as OpenAPI 3.1: by drf-spectacular, with what it cannot find out by itself."""

"""PostgreSQL and Valkey as processes of our own, unless DATABASE_URL and REDIS_URL name other servers."""

from config.embedded.errors import EmbeddedError as EmbeddedError
from config.embedded.homes import home_folder as home_folder
from config.embedded.homes import secret_key as secret_key
from config.embedded.sharing import database_settings as database_settings
from config.embedded.sharing import redis_url as redis_url
from config.embedded.sharing import running as running

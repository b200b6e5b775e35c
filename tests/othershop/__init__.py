"""A second shop, unlike the first: UUID keys, soft deletion, a cart in the session, customers without a user name."""

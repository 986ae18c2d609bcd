"""The try-it page: a server that hands out a page and its models, and a page that runs them in the browser."""

"""What is known of the site's services beside what the middleware says: drafted, compared, and checked."""

"""What is published: tables, HEPData submissions, figures."""

"""What tests share: peers, servers, builders of records, and waiting."""

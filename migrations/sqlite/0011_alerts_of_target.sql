-- The alerts about one function, newest first, whatever their destination and state.
CREATE INDEX outbox_about_target ON outbox (target_id, id);

//! The words and bytes of Kafka's protocol: messages, headers, record batches.

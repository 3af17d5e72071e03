//! A Kafka client: producer, consumer and admin plans and a blocking face.

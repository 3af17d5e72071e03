from kafka import KafkaProducer, KafkaConsumer

producer = KafkaProducer(bootstrap_servers='localhost:9092')
consumer = KafkaConsumer('test', bootstrap_servers='localhost:9092', group_id='test_group')
producer.send('test', b'data')
for message in consumer:
    print(message.value.decode())
producer.close()
consumer.close()

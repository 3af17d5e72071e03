"""aiokafka: the asyncio client."""

import asyncio

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer


def test_a_group_resumes_where_it_committed(castle, name):
    async def scenario():
        producer = AIOKafkaProducer(bootstrap_servers=castle.broker, enable_idempotence=True)
        await producer.start()
        for i in range(20):
            sent = await producer.send_and_wait(name, b"%d" % i)
            assert sent.offset == i
        await producer.stop()

        async def consumer():
            made = AIOKafkaConsumer(
                name, bootstrap_servers=castle.broker, group_id=name, auto_offset_reset="earliest",
                enable_auto_commit=False)
            await made.start()
            return made

        first = await consumer()
        seen = [(await first.getone()).value for _ in range(8)]
        assert seen == [b"%d" % i for i in range(8)]
        await first.commit()
        await first.stop()
        second = await consumer()
        seen = [(await second.getone()).value for _ in range(12)]
        assert seen == [b"%d" % i for i in range(8, 20)]
        await second.stop()

    asyncio.run(asyncio.wait_for(scenario(), 120))

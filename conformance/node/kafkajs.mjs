// kafkajs: produce, group consume, commit, resume. Arguments: bootstrap address, a name nobody else uses.
import { createRequire } from 'node:module'
import { strict as assert } from 'node:assert'
const { Kafka, logLevel } = createRequire(process.env.NODE_MODULES + '/')('kafkajs')

const [bootstrap, name] = process.argv.slice(2)
const kafka = new Kafka({ clientId: 'conformance', brokers: [bootstrap], logLevel: logLevel.ERROR })
const admin = kafka.admin()
await admin.connect()
await admin.createTopics({ topics: [{ topic: name, numPartitions: 1, replicationFactor: 1 }] })
const producer = kafka.producer({ idempotent: true })
await producer.connect()
for (let i = 0; i < 30; i++) {
  const [sent] = await producer.send({ topic: name, messages: [{ key: `${i}`, value: `${i}`, headers: { a: 'b' } }] })
  assert.equal(sent.baseOffset, `${i}`)
}
await producer.disconnect()

let next = 0
for (const until of [12, 30]) {
  const consumer = kafka.consumer({ groupId: name })
  await consumer.connect()
  await consumer.subscribe({ topics: [name], fromBeginning: true })
  await new Promise((resolve, reject) => {
    consumer.run({
      autoCommit: false,
      eachMessage: async ({ topic, partition, message }) => {
        if (next >= until) return
        try {
          assert.equal(message.value.toString(), `${next}`)
        } catch (error) {
          return reject(error)
        }
        next++
        if (next === until) {
          await consumer.commitOffsets([{ topic, partition, offset: `${next}` }])
          resolve()
        }
      }
    }).catch(reject)
  })
  await consumer.disconnect()
}
const [{ partitions: [{ offset }] }] = await admin.fetchOffsets({ groupId: name, topics: [name] })
assert.equal(offset, '30')
await admin.deleteGroups([name])
await admin.deleteTopics({ topics: [name] })
await admin.disconnect()
console.log('passed')
process.exit(0)

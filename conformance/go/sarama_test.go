package conformance

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/IBM/sarama"
)

// sarama at the protocol level of three Kafka lines, since it picks versions by configuration.
func TestSaramaMakesItsRoundTrip(t *testing.T) {
	for _, version := range []sarama.KafkaVersion{sarama.V1_0_0_0, sarama.V2_8_0_0, sarama.V3_6_0_0} {
		t.Run(version.String(), func(t *testing.T) { saramaRoundTrip(t, version) })
	}
}

func saramaRoundTrip(t *testing.T, version sarama.KafkaVersion) {
	bootstrap, name := []string{address(t, "CASTLE_BROKER")}, unique("sarama")
	config := sarama.NewConfig()
	config.Version = version
	config.Producer.Return.Successes = true
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Offsets.AutoCommit.Enable = false
	admin, err := sarama.NewClusterAdmin(bootstrap, config)
	must(t, err)
	must(t, admin.CreateTopic(name, &sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 1}, false))
	must(t, admin.Close())
	producer, err := sarama.NewSyncProducer(bootstrap, config)
	must(t, err)
	for i := 0; i < 50; i++ {
		_, offset, err := producer.SendMessage(&sarama.ProducerMessage{Topic: name, Value: sarama.StringEncoder(fmt.Sprint(i))})
		must(t, err)
		if offset != int64(i) {
			t.Fatalf("offset %d instead of %d", offset, i)
		}
	}
	must(t, producer.Close())
	next := 0
	for _, until := range []int{20, 50} {
		group, err := sarama.NewConsumerGroup(bootstrap, name, config)
		must(t, err)
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		reader := &reader{t: t, next: &next, until: until, done: cancel}
		for next < until && ctx.Err() == nil {
			must(t, group.Consume(ctx, []string{name}, reader))
		}
		cancel()
		must(t, group.Close())
		if next != until {
			t.Fatalf("%d records came instead of %d", next, until)
		}
	}
}

type reader struct {
	t     *testing.T
	next  *int
	until int
	done  func()
}

func (*reader) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (*reader) Cleanup(sarama.ConsumerGroupSession) error { return nil }
func (r *reader) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for message := range claim.Messages() {
		if string(message.Value) != fmt.Sprint(*r.next) {
			r.t.Errorf("%s instead of %d", message.Value, *r.next)
		}
		*r.next++
		session.MarkMessage(message, "")
		if *r.next == r.until {
			session.Commit()
			r.done()
			return nil
		}
	}
	return nil
}

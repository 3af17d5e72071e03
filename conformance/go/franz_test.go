package conformance

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// franz-go: idempotent produce, group consume, commit, resume.
func TestFranzGoMakesItsRoundTrip(t *testing.T) {
	bootstrap, name := address(t, "CASTLE_BROKER"), unique("franz")
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	producer, err := kgo.NewClient(kgo.SeedBrokers(bootstrap), kgo.AllowAutoTopicCreation(), kgo.DefaultProduceTopic(name))
	must(t, err)
	defer producer.Close()
	for i := 0; i < 100; i++ {
		must(t, producer.ProduceSync(ctx, kgo.StringRecord(fmt.Sprint(i))).FirstErr())
	}
	next := 0
	for _, until := range []int{40, 100} {
		member, err := kgo.NewClient(kgo.SeedBrokers(bootstrap), kgo.ConsumerGroup(name), kgo.ConsumeTopics(name),
			kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit())
		must(t, err)
		for next < until {
			fetches := member.PollRecords(ctx, until-next)
			must(t, fetches.Err())
			for _, record := range fetches.Records() {
				if string(record.Value) != fmt.Sprint(next) {
					t.Fatalf("%s instead of %d", record.Value, next)
				}
				next++
			}
			must(t, member.CommitRecords(ctx, fetches.Records()...))
		}
		must(t, member.LeaveGroupContext(ctx))
		member.Close()
	}
}

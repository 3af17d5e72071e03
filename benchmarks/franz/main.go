// Load through franz-go, for any Kafka broker:
//
//	franz produce  -server H:P -topic T -partitions N -records N -size B -linger 5ms -acks 1
//	franz latency  -server H:P -topic T -rate N -seconds S -size B
//
// `produce` sends as fast as the client can. `latency` is an open loop from producer to consumer: records are due
// at a fixed rate whether or not the broker keeps up, and each carries the moment when it was due, so a stall counts
// for every record that it delays. Prints one JSON value.
package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

var (
	flags      = flag.NewFlagSet("franz", flag.ExitOnError)
	server     = flags.String("server", "127.0.0.1:9092", "broker")
	topic      = flags.String("topic", "franz", "topic; created when it is not there")
	partitions = flags.Int("partitions", 1, "partitions of the topic")
	records    = flags.Int("records", 100_000, "records to produce")
	size       = flags.Int("size", 100, "bytes of value in a record, at least 8")
	linger     = flags.Duration("linger", 0, "time that a batch may wait for more")
	acks       = flags.String("acks", "1", "1 or all")
	rate       = flags.Int("rate", 1000, "records a second")
	seconds    = flags.Int("seconds", 10, "seconds to send")
)

func main() {
	if len(os.Args) < 2 {
		fail(errors.New("say produce or latency"))
	}
	if err := flags.Parse(os.Args[2:]); err != nil {
		fail(err)
	}
	var result map[string]any
	var err error
	switch os.Args[1] {
	case "produce":
		result, err = produce()
	case "latency":
		result, err = latency()
	default:
		err = fmt.Errorf("no such load: %s", os.Args[1])
	}
	if err != nil {
		fail(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "franz:", err)
	os.Exit(1)
}

func client(options ...kgo.Opt) (*kgo.Client, error) {
	required := kgo.LeaderAck()
	if *acks == "all" {
		required = kgo.AllISRAcks()
	}
	base := []kgo.Opt{
		kgo.SeedBrokers(*server), kgo.DefaultProduceTopic(*topic), kgo.RequiredAcks(required), kgo.DisableIdempotentWrite(),
		kgo.ProducerLinger(*linger), kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.MaxBufferedRecords(100_000),
	}
	made, err := kgo.NewClient(append(base, options...)...)
	if err != nil {
		return nil, err
	}
	created, err := kadm.NewClient(made).CreateTopic(context.Background(), int32(*partitions), 1, nil, *topic)
	if err == nil {
		err = created.Err
	}
	if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		return nil, err
	}
	return made, nil
}

func produce() (map[string]any, error) {
	made, err := client()
	if err != nil {
		return nil, err
	}
	defer made.Close()
	value := make([]byte, *size)
	var failed atomic.Pointer[error]
	begin := time.Now()
	for range *records {
		made.Produce(context.Background(), &kgo.Record{Value: value}, func(_ *kgo.Record, err error) {
			if err != nil {
				failed.CompareAndSwap(nil, &err)
			}
		})
	}
	if err := made.Flush(context.Background()); err != nil {
		return nil, err
	}
	took := time.Since(begin).Seconds()
	if err := failed.Load(); err != nil {
		return nil, *err
	}
	return map[string]any{
		"per_second": float64(*records) / took, "MB_per_second": float64(*records**size) / took / 1e6,
	}, nil
}

func latency() (map[string]any, error) {
	made, err := client(kgo.ConsumeTopics(*topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtEnd()), kgo.FetchMaxWait(time.Second))
	if err != nil {
		return nil, err
	}
	defer made.Close()
	total := *rate * *seconds
	warm := total / 5
	seen := make([]int64, 0, total)
	deadline, cancel := context.WithTimeout(context.Background(), time.Duration(*seconds+30)*time.Second)
	defer cancel()
	// The consumer must be at the end before the first record that counts: one record is sent until it is seen.
	for ready := false; !ready; {
		made.Produce(deadline, &kgo.Record{Value: make([]byte, 8)}, nil)
		soon, stop := context.WithTimeout(deadline, 200*time.Millisecond)
		ready = made.PollFetches(soon).NumRecords() > 0
		stop()
		if deadline.Err() != nil {
			return nil, deadline.Err()
		}
	}
	begin := time.Now()
	gap := time.Second / time.Duration(*rate)
	go func() {
		for number := range total {
			due := begin.Add(time.Duration(number) * gap)
			time.Sleep(time.Until(due))
			value := make([]byte, max(*size, 8))
			binary.BigEndian.PutUint64(value, uint64(due.UnixNano()))
			made.Produce(deadline, &kgo.Record{Value: value}, nil)
		}
	}()
	for len(seen) < total {
		fetches := made.PollFetches(deadline)
		if deadline.Err() != nil {
			return nil, fmt.Errorf("%d of %d records arrived", len(seen), total)
		}
		now := time.Now().UnixNano()
		fetches.EachRecord(func(record *kgo.Record) {
			if due := binary.BigEndian.Uint64(record.Value); due != 0 {
				seen = append(seen, now-int64(due))
			}
		})
	}
	counted := slices.Sorted(slices.Values(seen[warm:]))
	at := func(percentile float64) float64 {
		return float64(counted[min(int(float64(len(counted))*percentile/100), len(counted)-1)]) / 1e3
	}
	distribution := [][2]float64{}
	for _, percentile := range []float64{0, 10, 25, 50, 75, 90, 95, 97.5, 99, 99.5, 99.75, 99.9, 99.95, 99.99, 100} {
		distribution = append(distribution, [2]float64{percentile, at(percentile)})
	}
	return map[string]any{
		"p50_us": at(50), "p99_us": at(99), "p99.9_us": at(99.9), "max_us": at(100), "distribution": distribution,
	}, nil
}

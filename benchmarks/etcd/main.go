// Load for etcd, the reference point beside the ZooKeeper servers:
//
//	etcd-load -server H:P -operation create|set|get|mixed -connections N -in-flight N -size B -seconds S
//
// The same work as `castle bench keeper`: create puts a new key each time, set and get work on one key a
// connection, mixed is nine gets and one set. Each connection has a client of its own with `in-flight` requests
// open. Gets are linearizable, as etcd answers them by default. Prints the JSON that `castle bench` prints.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

var (
	server      = flag.String("server", "127.0.0.1:2379", "server")
	operation   = flag.String("operation", "create", "create, set, get or mixed")
	connections = flag.Int("connections", 1, "clients")
	inFlight    = flag.Int("in-flight", 1, "requests open on each client")
	size        = flag.Int("size", 100, "bytes of value")
	seconds     = flag.Float64("seconds", 10, "seconds to run")
)

// percentiles are those of castle bench.
var percentiles = []float64{0, 10, 25, 50, 75, 90, 95, 97.5, 99, 99.5, 99.75, 99.9, 99.95, 99.975, 99.99, 99.995, 99.999, 100}

func main() {
	flag.Parse()
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// lane is one request at a time on a client.
type lane struct {
	latencies []int64
	err       error
}

func run() error {
	if !slices.Contains([]string{"create", "set", "get", "mixed"}, *operation) {
		return fmt.Errorf("no such operation: %s", *operation)
	}
	if *connections < 1 || *inFlight < 1 || *size < 0 {
		return errors.New("connections and in-flight are at least 1, size at least 0")
	}
	value := strings.Repeat("a", *size)
	unique := time.Now().UnixNano()
	clients := make([]*clientv3.Client, *connections)
	for at := range clients {
		client, err := clientv3.New(clientv3.Config{Endpoints: []string{*server}, DialTimeout: 10 * time.Second})
		if err != nil {
			return err
		}
		defer client.Close()
		if _, err := client.Put(context.Background(), own(at), value); err != nil {
			return err
		}
		clients[at] = client
	}
	begin := time.Now()
	end := begin.Add(time.Duration(*seconds * float64(time.Second)))
	lanes := make([]lane, *connections**inFlight)
	var all sync.WaitGroup
	for at := range lanes {
		all.Add(1)
		go func() {
			defer all.Done()
			connection := at % *connections
			lanes[at].err = lanes[at].work(clients[connection], own(connection), fmt.Sprintf("/created/%d/%d", unique, at), value, end)
		}()
	}
	all.Wait()
	length := time.Since(begin).Seconds()
	var latencies []int64
	for _, one := range lanes {
		if one.err != nil {
			return one.err
		}
		latencies = append(latencies, one.latencies...)
	}
	slices.Sort(latencies)
	return json.NewEncoder(os.Stdout).Encode(report(latencies, length))
}

func own(connection int) string { return fmt.Sprintf("/own/%d", connection) }

func (l *lane) work(client *clientv3.Client, key, prefix, value string, end time.Time) error {
	ctx, cancel := context.WithDeadline(context.Background(), end.Add(10*time.Second))
	defer cancel()
	for number := 0; ; number++ {
		begin := time.Now()
		if begin.After(end) {
			return nil
		}
		var err error
		switch {
		case *operation == "create":
			_, err = client.Put(ctx, fmt.Sprintf("%s/%d", prefix, number), value)
		case *operation == "set", *operation == "mixed" && number%10 == 9:
			_, err = client.Put(ctx, key, value)
		default:
			_, err = client.Get(ctx, key)
		}
		if err != nil {
			return err
		}
		l.latencies = append(l.latencies, time.Since(begin).Microseconds())
	}
}

func report(latencies []int64, length float64) map[string]any {
	at := func(percentile float64) int64 {
		if len(latencies) == 0 {
			return 0
		}
		return latencies[min(int(percentile/100*float64(len(latencies))), len(latencies)-1)]
	}
	distribution := make([][2]float64, 0, len(percentiles))
	for _, percentile := range percentiles {
		distribution = append(distribution, [2]float64{percentile, float64(at(percentile))})
	}
	count := len(latencies)
	return map[string]any{
		"seconds": length, "requests": count, "things": count, "bytes": count * *size, "errors": 0, "first_error": nil,
		"per_second": float64(count) / length, "megabytes_per_second": float64(count**size) / length / 1e6,
		"p50_us": at(50), "p95_us": at(95), "p99_us": at(99), "p999_us": at(99.9), "max_us": at(100),
		"distribution": distribution,
	}
}

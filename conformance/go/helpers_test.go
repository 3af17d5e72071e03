// Package conformance holds the round trips of the Go clients. The addresses come from the environment.
package conformance

import (
	"fmt"
	"os"
	"testing"
	"time"
)

func address(t *testing.T, variable string) string {
	value := os.Getenv(variable)
	if value == "" {
		t.Fatalf("%s is not set", variable)
	}
	return value
}

func unique(stem string) string { return fmt.Sprintf("%s-%d", stem, time.Now().UnixNano()) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/typelog/typelog/internal/child"
)

// transactions has the Java client and librdkafka copy a topic exactly once, each with what it speaks: the Java client lets
// partitions join by writing to them (KIP-890), librdkafka names them first. Both at once, as they mostly wait.
func transactions(ctx context.Context, t tools) (what string, err error) {
	var log bytes.Buffer // safe to read once the server has ended
	server := &child.Server{Binary: t.typelog, Data: filepath.Join(t.dir, "transactions"), Log: &log}
	if _, err := server.Start(ctx); err != nil {
		return "", err
	}
	defer func() {
		if err = errors.Join(err, server.Stop(context.WithoutCancel(ctx))); err != nil {
			fmt.Fprintf(os.Stderr, "typelog said:\n%s", log.Bytes())
		}
	}()
	java := make(chan error, 1)
	go func() { java <- t.program(ctx, "java", "Transactions", server.Kafka) }()
	err = t.program(ctx, "python", "transactions.py", server.Kafka)
	return "60 records copied exactly once by each", errors.Join(err, <-java)
}

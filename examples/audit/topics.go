package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/typelog/typelog/serde"
)

// The topics of the pipeline.
const (
	defaultTopic    = "audit"
	deadSuffix      = "-dead"
	eventPartitions = 3
	contractConfig  = "typelog.value.contract"
)

// createTopics creates the topic of events, with the contract that every record decodes under its schema, and that of dead
// letters, unless they exist. It waits for a broker that does not answer.
func createTopics(ctx context.Context, log *slog.Logger, brokers []string, topic string) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ClientID("audit"))
	if err != nil {
		return err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	return patiently(ctx, log, "the broker", func() error {
		reject := "reject"
		err := createTopic(ctx, admin, topic, eventPartitions, map[string]*string{contractConfig: &reject})
		if errors.Is(err, kerr.InvalidConfig) {
			log.Warn("this broker knows no contracts, so the topic is created without one", "topic", topic, "config", contractConfig)
			err = createTopic(ctx, admin, topic, eventPartitions, nil)
		}
		if err != nil {
			return err
		}
		return createTopic(ctx, admin, topic+deadSuffix, 1, nil)
	})
}

// createTopic creates a topic, with the broker's own number of replicas, unless it exists.
func createTopic(ctx context.Context, admin *kadm.Client, name string, partitions int32, config map[string]*string) error {
	_, err := admin.CreateTopic(ctx, partitions, -1, config, name)
	if errors.Is(err, kerr.TopicAlreadyExists) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("create topic %s: %w", name, err)
	}
	return nil
}

// patiently tries until something works, fails for good, or ctx ends.
func patiently(ctx context.Context, log *slog.Logger, what string, try func() error) error {
	for wait := 200 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		err := try()
		if err == nil || !passing(err) {
			return err
		}
		log.Warn("waiting for "+what, "error", err)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return err
		}
	}
}

// passing says whether an error is of the network or a restart, so that trying again can help.
func passing(err error) bool {
	var code *kerr.Error
	switch {
	case errors.As(err, &code):
		return code.Retriable
	case errors.Is(err, serde.ErrNetwork):
		return true
	case errors.Is(err, serde.ErrRefused), errors.Is(err, serde.ErrRegistry), errors.Is(err, serde.ErrIncompatible),
		errors.Is(err, serde.ErrClosed), errors.Is(err, serde.ErrDecoding), errors.Is(err, serde.ErrEncoding):
		return false
	}
	return true // of the Kafka client: the broker was not reached
}

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
			log.Warn("this broker knows no contracts", "topic", topic, "config", contractConfig)
			err = createTopic(ctx, admin, topic, eventPartitions, nil)
		}
		if err != nil {
			return err
		}
		if err := createTopic(ctx, admin, topic+deadSuffix, 1, nil); err != nil {
			return err
		}
		return checkContract(ctx, log, admin, topic)
	})
}

// checkContract says so if the topic, which somebody else may have created, takes records that are no events.
func checkContract(ctx context.Context, log *slog.Logger, admin *kadm.Client, topic string) error {
	described, err := admin.DescribeTopicConfigs(ctx, topic)
	if err != nil {
		return fmt.Errorf("settings of topic %s: %w", topic, err)
	}
	for _, d := range described {
		for _, c := range d.Configs {
			if c.Key == contractConfig && c.MaybeValue() == "reject" {
				return nil
			}
		}
	}
	log.Warn("the topic has no contract, so others can write to it what is no event", "topic", topic, "set", contractConfig+"=reject")
	return nil
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

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/typelog/typelog/serde"
)

func newTopicCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "topic", Short: "Create topics", RunE: onlyHolds}
	cmd.AddCommand(newTopicCreateCommand())
	return cmd
}

func newTopicCreateCommand() *cobra.Command {
	var (
		clients    clientFlags
		partitions int32
		file       string
		configs    []string
	)
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Create a topic, with --schema one that takes only records of that schema",
		Long: "Create a topic. With --schema FILE the schema is registered as NAME-value first, and the topic gets the\n" +
			"contract typelog.value.contract=reject: a record whose bytes do not decode under a schema that is registered\n" +
			"there is refused.",
		Args: oneArg("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			settings := map[string]*string{}
			for _, c := range configs {
				k, v, ok := strings.Cut(c, "=")
				if !ok {
					return fmt.Errorf("--config %q: want KEY=VALUE", c)
				}
				settings[k] = &v
			}
			out := cmd.OutOrStdout()
			if file != "" {
				if _, set := settings["typelog.value.contract"]; !set {
					settings["typelog.value.contract"] = kadm.StringPtr("reject")
				}
				// A schema that is registered widens the contract of a topic that exists already, so ask first.
				if err := createTopic(cmd.Context(), clients.brokers, args[0], partitions, settings, (*kadm.Client).ValidateCreateTopics); err != nil {
					return err
				}
				id, err := registerFile(cmd.Context(), clients.registry, args[0], file)
				if err != nil {
					return err
				}
				fmt.Fprintf(out, "registered %s as %s-value, schema id %d\n", file, args[0], id)
			}
			if err := createTopic(cmd.Context(), clients.brokers, args[0], partitions, settings, (*kadm.Client).CreateTopics); err != nil {
				return err
			}
			fmt.Fprintf(out, "created topic %s\n", args[0])
			return nil
		},
	}
	clients.add(cmd)
	cmd.Flags().Int32Var(&partitions, "partitions", -1, "number of partitions; -1 is the broker's num.partitions")
	cmd.Flags().StringVar(&file, "schema", "", "Avro schema (.avsc) of the topic's values")
	cmd.Flags().StringArrayVar(&configs, "config", nil, "topic config as KEY=VALUE; may be repeated")
	return cmd
}

func registerFile(ctx context.Context, url, topic, file string) (int32, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	c := registryClient{address: url}
	subject := serde.TopicName(topic, serde.ValuePart, "")
	var done struct {
		ID int32 `json:"id"`
	}
	err = c.ask(ctx, "POST", subjectPath(subject)+"/versions?explain=true", schemaSource{Schema: string(text)}, &done)
	if said := (*refusal)(nil); errors.As(err, &said) && len(said.Incompatibilities) > 0 {
		var reasons strings.Builder
		tell(&reasons, "incompatible:", said.Incompatibilities)
		return 0, fmt.Errorf("%s is incompatible with an earlier version of %s\n%s", file, subject, strings.TrimSpace(reasons.String()))
	}
	return done.ID, err
}

// createTopics is how kadm creates topics, or only checks that it could.
type createTopics func(cl *kadm.Client, ctx context.Context, partitions int32, replicas int16, configs map[string]*string, names ...string) (kadm.CreateTopicResponses, error)

func createTopic(ctx context.Context, brokers []string, name string, partitions int32, configs map[string]*string, create createTopics) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ClientID("typelog"))
	if err != nil {
		return err
	}
	defer client.Close()
	answers, err := create(kadm.NewClient(client), ctx, partitions, -1, configs, name)
	resp := answers[name]
	if err == nil {
		err = resp.Err
	}
	switch {
	case err != nil && resp.ErrMessage != "":
		return fmt.Errorf("create topic %s: %s (%w)", name, resp.ErrMessage, kerrOf(err))
	case err != nil:
		return fmt.Errorf("create topic %s: %w", name, err)
	}
	return nil
}

// kerrOf returns the bare protocol error in err, whose text repeats what the broker's message says better.
func kerrOf(err error) error {
	if code, ok := err.(*kerr.Error); ok {
		return fmt.Errorf("%s", code.Message)
	}
	return err
}

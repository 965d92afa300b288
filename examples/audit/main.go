// Command audit is an audit trail of real logs, from end to end: it reads Kubernetes, AWS CloudTrail and Windows event
// logs, produces each line as a typed audit event, stores the events from a consumer group in SQLite, and reports on them.
//
//	log -> lines -> JSON -> mapping (one file a source) -> AuditEvent -> serde.Producer -> topic audit
//	                  \-> what is no event -> topic audit-dead, with the reason
//	topic audit -> serde.Consumer -> SQLite transaction -> offsets committed -> report
//
// Nothing is dropped silently. A line becomes one event or one dead letter, and the exit status is 0 only if the broker
// has acknowledged all of them. No field of a line is lost: what has no field of its own in the event is in its metadata,
// by its JSON pointer; so events hold the secrets that logs hold. Event ids are a hash chained over the lines, so the same
// log can be ingested again after anything went wrong, and the store tells the duplicates by id. The store commits offsets
// after SQLite has committed, so a crash between the two costs a duplicate that it counts and drops.
//
// It knows the typed client and the event's schema, and neither broker nor registry: it works with any Kafka.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "audit: "+strings.ReplaceAll(err.Error(), "\n", "; "))
		stop()
		os.Exit(1)
	}
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use:           "audit",
		Short:         "An audit trail of Kubernetes, AWS CloudTrail and Windows event logs",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(ingestCommand(), storeCommand(), reportCommand())
	return root
}

// server adds the flags that say where broker and registry are.
func server(cmd *cobra.Command, brokers *[]string, registry, topic *string) {
	cmd.Flags().StringSliceVar(brokers, "brokers", []string{"localhost:9092"}, "brokers, HOST:PORT")
	cmd.Flags().StringVar(registry, "registry", "http://localhost:8081", "schema registry's URL")
	cmd.Flags().StringVar(topic, "topic", defaultTopic, "topic of the events; dead letters go to the topic named so with -dead")
}

func logTo(cmd *cobra.Command) *slog.Logger {
	return slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
}

func ingestCommand() *cobra.Command {
	var cfg ingestConfig
	cmd := &cobra.Command{
		Use:   "ingest [FILE]...",
		Short: "Read logs (JSON lines, gzip or not; - or nothing: standard input) and produce their events",
		Long: "Reads logs and produces each line as a typed audit event. The shape (Kubernetes, CloudTrail, Windows) is told " +
			"line by line; what is none goes to the dead letters. Ends with read=N produced=N dead_lettered=N; the exit " +
			"status is 0 only if everything read is acknowledged.",
		RunE: func(cmd *cobra.Command, files []string) error {
			cfg.files = files
			return ingest(cmd.Context(), cfg, logTo(cmd), cmd.OutOrStdout())
		},
	}
	server(cmd, &cfg.brokers, &cfg.registry, &cfg.topic)
	cmd.Flags().StringVar(&cfg.source, "source", "", "the log's name, from which event ids are made; all files are then one log (default: each file's base name without .gz)")
	cmd.Flags().IntVar(&cfg.rate, "rate", 0, "events a second (default: as fast as it goes)")
	return cmd
}

func storeCommand() *cobra.Command {
	var cfg storeConfig
	cmd := &cobra.Command{
		Use:   "store",
		Short: "Write events from a consumer group into a SQLite database",
		Long: "Writes events into a SQLite database, each once. Ends with stored=N duplicates=N gaps=N: events stored and " +
			"events dropped because they were there already, in this run, and sequence numbers missing in the database.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return store(cmd.Context(), cfg, logTo(cmd), cmd.OutOrStdout())
		},
	}
	server(cmd, &cfg.brokers, &cfg.registry, &cfg.topic)
	cmd.Flags().StringVar(&cfg.db, "db", "audit.db", "database file; created if it is missing")
	cmd.Flags().StringVar(&cfg.group, "group", "audit-store", "consumer group")
	cmd.Flags().BoolVar(&cfg.untilIdle, "until-idle", false, "end once the group has committed the end of every partition and nothing new comes")
	return cmd
}

func reportCommand() *cobra.Command {
	var db string
	var top int
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Print who did what with what outcome, and gaps in the sequences",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return report(cmd.Context(), db, top, cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&db, "db", "audit.db", "database file")
	cmd.Flags().IntVar(&top, "top", 10, "rows of each table; 0: all")
	return cmd
}

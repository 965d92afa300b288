// Command typelog is the whole product in one binary: the broker, the schema registry, and the tools around them.
// Each command has a file of its own that turns flags into one call; what the commands do lives in other packages.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if err := newRootCommand().ExecuteContext(ctx); err != nil {
		var silent exitError
		if !errors.As(err, &silent) {
			fmt.Fprintln(os.Stderr, "typelog:", err)
		}
		os.Exit(1)
	}
}

// exitError ends the command with status 1 after it has said what is wrong itself.
type exitError struct{ error }

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "typelog",
		Short: "A Kafka-compatible event platform in which every event has a schema",
		Long: "typelog is a Kafka-compatible broker and a Confluent-compatible Avro schema registry in one binary.\n" +
			"Start both with 'typelog up', or watch everything once with 'typelog demo'.\n\n" +
			"Every flag can be given in the environment, too: --kafka-addr is TYPELOG_KAFKA_ADDR.",
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			for _, name := range unknownEnv(cmd.Root(), os.Environ()) {
				fmt.Fprintf(cmd.ErrOrStderr(), "typelog: %s is set in the environment and is no flag of any command; it has no effect\n", name)
			}
			return flagsFromEnv(cmd)
		},
	}
	root.AddCommand(newUpCommand(), newRegistryCommand(), newTopicCommand(), newProduceCommand(), newConsumeCommand(),
		newGenerateCommand(), newSchemaCommand(), newDemoCommand(), newBenchCommand(), newDoctorCommand())
	return root
}

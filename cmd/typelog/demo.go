package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/typelog/typelog/internal/demo"
)

func newDemoCommand() *cobra.Command {
	var keep bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show everything once, on a temporary directory and free ports",
		Long: "Start a broker and a registry on a temporary directory and free ports, produce typed audit events, have bad ones\n" +
			"refused, evolve the schema, read with old and new readers, kill -9 the broker while events arrive, and count. The\n" +
			"exit status is 0 only if every step held.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			self, err := os.Executable()
			if err != nil {
				return err
			}
			if err := demo.Run(cmd.Context(), demo.Config{Binary: self, Out: cmd.OutOrStdout(), Keep: keep}); err != nil {
				return exitError{err}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&keep, "keep", false, "leave the data directory behind")
	return cmd
}

package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/typelog/typelog/internal/datadir"
	"github.com/typelog/typelog/registry"
)

func newRegistryCommand() *cobra.Command {
	var data, address, level string
	cmd := &cobra.Command{
		Use:   "registry",
		Short: "Start the schema registry alone, in the foreground",
		Long: "Start the schema registry alone, in the foreground, until SIGINT or SIGTERM. Any client of a Confluent Schema\n" +
			"Registry can use it. It keeps its schemas in registry.db in the data directory.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			log, err := newLogger(cmd, level)
			if err != nil {
				return err
			}
			dir, err := datadir.Open(data)
			if err != nil {
				return err
			}
			defer dir.Close()
			r, err := registry.New(registry.Config{DataDir: data, Listen: []string{address}, Log: log, ClusterID: dir.ClusterID})
			if err != nil {
				return err
			}
			for _, a := range r.Addrs() {
				fmt.Fprintf(cmd.OutOrStdout(), "registry  http://%s\n", a)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "data      %s\n", data)
			return r.Run(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&data, "data", "typelog-data", "directory that holds everything; made if it is missing")
	cmd.Flags().StringVar(&address, "registry-addr", "localhost:8081", "address of the schema registry; localhost binds both loopbacks")
	cmd.Flags().StringVar(&level, "log-level", "info", "debug, info, warn or error")
	return cmd
}

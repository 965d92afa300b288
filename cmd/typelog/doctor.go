package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/typelog/typelog/broker"
	"github.com/typelog/typelog/internal/node"
)

func newDoctorCommand() *cobra.Command {
	var (
		dir    string
		verify bool
	)
	cmd := &cobra.Command{
		Use:   "doctor --verify --data DIR",
		Short: "Check the data directory of a server that is stopped",
		Long: "Check the data directory of a server that is stopped. With --verify every batch in every log file is read and held\n" +
			"against its checksum. Nothing is changed. Each damaged file is printed with the position in bytes, and the exit status\n" +
			"is 1 if there is any.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !verify {
				return errors.New("doctor: say what to do: --verify reads everything and checks it")
			}
			bad := 0
			files, bytes, err := node.Verify(cmd.Context(), dir, func(d broker.Damage) {
				bad++
				fmt.Fprintf(cmd.OutOrStdout(), "damaged: %s at byte %d: %s\n", d.File, d.Offset, d.Reason)
			})
			if err != nil {
				return fmt.Errorf("doctor: %w", err)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d files, %d bytes checked: %d damaged places\n", files, bytes, bad)
			if bad > 0 {
				return exitError{errors.New("damage was found")}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&dir, "data", "typelog-data", "directory that holds everything")
	cmd.Flags().BoolVar(&verify, "verify", false, "read every batch and check its checksum")
	return cmd
}

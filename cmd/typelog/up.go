package main

import (
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/typelog/typelog/internal/node"
	"github.com/typelog/typelog/internal/pulse"
)

func newUpCommand() *cobra.Command {
	var (
		flags    node.File
		file     string
		kafka    string
		registry string
		adv      string
		sets     []string
		protect  registryFlags
	)
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Start the broker and the schema registry in the foreground",
		Long: "Start the broker and the schema registry on one data directory, in the foreground, until SIGINT or SIGTERM.\n" +
			"No configuration is needed. Broker settings have Apache Kafka's names: --set num.partitions=3.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := node.ReadFile(file)
			if err != nil {
				return err
			}
			given := func(name string) bool { return cmd.Flags().Changed(name) }
			if given("data") || cfg.Data == "" {
				cfg.Data = flags.Data
			}
			if given("log-level") || cfg.LogLevel == "" {
				cfg.LogLevel = flags.LogLevel
			}
			if given("registry-addr") || cfg.Registry.Bind == "" {
				cfg.Registry.Bind = registry
			}
			protect.fill(&cfg.Registry, given)
			if len(cfg.Listeners) == 0 {
				cfg.Listeners = []node.FileListener{{Name: "PLAINTEXT", Bind: kafka}}
			}
			if given("kafka-addr") {
				cfg.Listeners[0].Bind = kafka
			}
			if given("advertise") {
				cfg.Listeners[0].Advertise = adv
			}
			for _, s := range sets {
				k, v, ok := strings.Cut(s, "=")
				if !ok {
					return fmt.Errorf("--set %q: want KEY=VALUE, such as --set num.partitions=3", s)
				}
				if cfg.Settings == nil {
					cfg.Settings = map[string]string{}
				}
				cfg.Settings[strings.TrimSpace(k)] = strings.TrimSpace(v)
			}
			log, err := newLogger(cmd, cfg.LogLevel)
			if err != nil {
				return err
			}
			n, err := node.Open(cfg, log)
			if err != nil {
				return err
			}
			fmt.Fprint(cmd.OutOrStdout(), n.Banner())
			if os.Getenv("GOMAXPROCS") == "" {
				runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + pulse.Spare)
			}
			go n.Pulse().Run(cmd.Context())
			return n.Run(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&flags.Data, "data", "typelog-data", "directory that holds everything; made if it is missing")
	cmd.Flags().StringVar(&kafka, "kafka-addr", "localhost:9092", "address of the broker; localhost binds both loopbacks, port 0 takes a free one")
	cmd.Flags().StringVar(&registry, "registry-addr", "localhost:8081", "address of the schema registry")
	protect.add(cmd, "registry-compat")
	cmd.Flags().StringVar(&adv, "advertise", "", "HOST:PORT that Kafka clients are told to connect to; needed when the address is a wildcard")
	cmd.Flags().StringArrayVar(&sets, "set", nil, "broker setting as KEY=VALUE, with Kafka's names; may be repeated")
	cmd.Flags().StringVar(&file, "config", "", "YAML file with data, log_level, listeners, registry and settings")
	cmd.Flags().StringVar(&flags.LogLevel, "log-level", "info", "debug, info, warn or error")
	return cmd
}

func newLogger(cmd *cobra.Command, level string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("log level %q: want debug, info, warn or error", level)
	}
	return slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: l})), nil
}

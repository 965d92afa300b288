// Command torture treats a typelog as the world does: it loads the real binary through real clients, kills it, cuts
// the power of its disk or fills it, again and again, and accounts for everything that the clients were told. It knows
// the command line and the Kafka protocol, and nothing of what is inside.
//
//	load, churn -> broker           clients that go on through every restart
//	load, churn -> account          what they were told: acknowledgements, reads, commits, topics
//	check       -> broker, account  after each restart, is all of it true?
//
// Run it with make torture.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	cfg := config{topics: 4, partitions: 6, producers: 6, wholeEvery: 10, out: os.Stdout, args: []string{"--log-level", "warn"}}
	var form, logTo string
	var size, gigabytes int64
	var live bool
	flag.StringVar(&cfg.binary, "binary", "bin/typelog", "the typelog to run")
	flag.Uint64Var(&cfg.seed, "seed", uint64(time.Now().UnixNano()), "seed of the random decisions")
	flag.IntVar(&cfg.rounds, "rounds", 50, "how many times it is killed")
	flag.DurationVar(&cfg.longest, "longest", 2*time.Second, "longest load of a round")
	flag.DurationVar(&cfg.pause, "pause", 500*time.Microsecond, "pause between a producer's records")
	flag.StringVar(&form, "form", "kill", "kill (SIGKILL only), ext4 or xfs (the file system is shut down under load; Linux, root), full (a full disk), many (10,000 partitions), retained (gigabytes)")
	flag.Int64Var(&size, "size", 2048, "size of the file system's image in MiB")
	flag.Int64Var(&gigabytes, "gigabytes", 3, "how much the form retained writes, in GiB; it needs that much room, and half a GiB more, in the directory for temporary files")
	flag.StringVar(&logTo, "log", "", "file for the broker's log (default: standard error)")
	flag.BoolVar(&live, "live", false, "let the broker live on for a moment when its file system is shut down, instead of stopping it just before; for ext4, as XFS may acknowledge a flush that it loses then")
	flag.Parse()
	cfg.log = os.Stderr
	if logTo != "" {
		f, err := os.Create(logTo)
		if err != nil {
			return err
		}
		defer f.Close()
		cfg.log = f
	}
	fmt.Printf("form %s, seed %d, %d rounds\n", form, cfg.seed, cfg.rounds)
	work, err := os.MkdirTemp("", "typelog-torture-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	var d disk = directory(work)
	switch form {
	case "kill":
	case "retained":
		return retained(ctx, cfg, work, gigabytes)
	case "many":
		return many(ctx, cfg, work)
	case "ext4", "xfs":
		img, err := newImage(ctx, work, form, size)
		if err != nil {
			return err
		}
		defer img.close()
		img.frozen = !live
		d = img
	case "full":
		return full(ctx, cfg, work)
	default:
		return fmt.Errorf("-form %s: want kill, ext4, xfs, full, many or retained", form)
	}
	t, err := torture(ctx, cfg, d)
	fmt.Println(t)
	if err != nil {
		return fmt.Errorf("seed %d: %w", cfg.seed, err)
	}
	fmt.Println("every promise held")
	return nil
}

package partlog

import (
	"time"

	"github.com/typelog/typelog/broker/internal/log"
)

// pace slows work down to a rate. The zero value does not.
type pace struct {
	rate int64 // bytes a second, 0 is without bound
	stop <-chan struct{}
	owed time.Duration
}

// paceStep is how long is slept at least.
const paceStep = 20 * time.Millisecond

// spend counts n bytes and sleeps if they came too fast. The error says that the work is to end.
func (c *pace) spend(n int64) error {
	if c.rate <= 0 {
		return nil
	}
	c.owed += time.Duration(float64(n) / float64(c.rate) * float64(time.Second))
	if c.owed < paceStep {
		return nil
	}
	t := time.NewTimer(c.owed)
	defer t.Stop()
	c.owed = 0
	select {
	case <-t.C:
		return nil
	case <-c.stop:
		return log.ErrClosed
	}
}

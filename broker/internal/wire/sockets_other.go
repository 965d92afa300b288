//go:build !unix

package wire

import "math"

// maxSockets: there is no small limit on descriptors here.
func maxSockets() int { return math.MaxInt32 }

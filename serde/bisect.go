package serde

// bisection decides, for a run of records that a broker refused as a whole, how many to try next until the records at
// fault are found. It is pure: the lane sends what it asks for and tells it what came of it.
//
// It halves what is suspect until a single record is refused, which is then known to be bad, and goes on behind it with
// one record, two, four, so that one bad record among n costs about 2·log2(n) tries. If the first two single records that
// it tries are both refused, then it is not the records that are at fault, and it gives up.
type bisection struct {
	left       int // records that are undecided
	suspect    int // of these, the first so many hold a bad one; 0: nothing is known
	step       int // records to try next if nothing is known
	singles    int // records tried alone so far
	badSingles int // those of them that were refused
}

// newBisection begins with n records that were refused together.
func newBisection(n int) *bisection { return &bisection{left: n, suspect: n} }

// next is how many of the undecided records to try; 0 says that all are decided.
func (b *bisection) next() int {
	if b.suspect > 0 {
		return max(1, b.suspect/2)
	}
	return min(b.step, b.left)
}

// outcome says what follows from a try.
type outcome uint8

const (
	goOn     outcome = iota
	foundBad         // the one record that was tried is bad, and decided
	giveUp
)

// tried reports that of the n records last tried the first accepted ones were stored and, if accepted < n, the rest
// was refused.
func (b *bisection) tried(n, accepted int) outcome {
	b.left -= accepted
	if n == 1 {
		b.singles++
	}
	switch {
	case accepted == n:
		b.suspect = max(0, b.suspect-n)
		b.step = 2 * n
		return goOn
	case n > 1:
		b.suspect = n - accepted
		return goOn
	}
	b.left--
	b.suspect, b.step = 0, 1
	b.badSingles++
	if b.singles == 2 && b.badSingles == 2 {
		return giveUp
	}
	return foundBad
}

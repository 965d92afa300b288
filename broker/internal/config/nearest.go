package config

import "strings"

// nearest returns the name that takes the fewest edits (insert, delete, replace, swap neighbours) to get from what
// somebody wrote. If that would take so many that it is another word, it is the shortest that begins with it, or "".
func nearest(names []string, wrote string) string {
	const most = 80 // no name is longer; what somebody wrote may be
	if len(wrote) > most {
		wrote = wrote[:most]
	}
	best, fewest := "", max(2, len(wrote)/4)+1
	for _, name := range names {
		if d := edits(name, wrote); d < fewest {
			best, fewest = name, d
		}
	}
	if best != "" || len(wrote) < 4 {
		return best
	}
	for _, name := range names {
		if strings.HasPrefix(name, wrote) && (best == "" || len(name) < len(best)) {
			best = name
		}
	}
	return best
}

// edits is the optimal string alignment distance.
func edits(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

package vfs

// OpenFiles returns how many files this process may have open, or 0 if that is not known. Windows has no such limit of use.
func OpenFiles() int { return 0 }

//go:build !linux

package main

import "errors"

func resident(int) (int64, error) { return 0, errors.New("only Linux tells") }

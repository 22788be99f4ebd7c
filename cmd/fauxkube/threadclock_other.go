//go:build !linux

package main

import "time"

var began = time.Now()

// hostClock is the time that has passed: this system has no clock of a thread's CPU time that is worth reading.
func hostClock() time.Duration { return time.Since(began) }

package environment

import "os"

func read() (string, error) {
	_ = os.Getenv("HOME") // want `environment: os.Getenv`
	return os.Hostname()  // want `environment: os.Hostname`
}

//go:build tools

package main

import _ "honnef.co/go/tools/cmd/staticcheck" // Run by `make lint`; named here to pin its version.

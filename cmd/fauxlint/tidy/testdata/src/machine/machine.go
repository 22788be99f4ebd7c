// Package machine runs on one machine.
package machine

const path = "/home/somebody/file" // want `a path of one machine`

const fine = "/dev/stdout and https://example.com/home/page"

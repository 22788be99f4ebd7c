// Package helper holds what several plugins share: tolerations against taints, the usual normalisation, class keys, and the
// typed halves of a cluster event.
package helper

//go:build !unix

package terminal

// OnQuit does nothing where there is no SIGQUIT.
func OnQuit(func()) (stop func()) { return func() {} }

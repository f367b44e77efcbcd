#pragma once
/// Words for clang's -Wthread-safety, which holds the code to them (an error in the builds with clang); nothing for
/// other compilers. https://clang.llvm.org/docs/ThreadSafetyAnalysis.html
#ifdef __clang__
#define CODEDRIFTD_ANNOTATION(x) __attribute__((x))
#else
#define CODEDRIFTD_ANNOTATION(x)
#endif

/// A class whose objects are held or not held: a mutex, a guarded value, a thread's role.
#define CAPABILITY(name) CODEDRIFTD_ANNOTATION(capability(name))
/// A class that holds a capability from its constructor to its destructor.
#define SCOPED_CAPABILITY CODEDRIFTD_ANNOTATION(scoped_lockable)
/// A member that is touched only while the capability is held.
#define GUARDED_BY(x) CODEDRIFTD_ANNOTATION(guarded_by(x))
/// A function that is called only while the capability is held, or only while it is not.
#define REQUIRES(...) CODEDRIFTD_ANNOTATION(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) CODEDRIFTD_ANNOTATION(locks_excluded(__VA_ARGS__))
/// What the implementations of capabilities say.
#define ACQUIRE(...) CODEDRIFTD_ANNOTATION(acquire_capability(__VA_ARGS__))
#define RELEASE(...) CODEDRIFTD_ANNOTATION(release_capability(__VA_ARGS__))
#define ASSERT_CAPABILITY(x) CODEDRIFTD_ANNOTATION(assert_capability(x))

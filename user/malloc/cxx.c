/*
 * C++'s new and delete, without the detour over its library; that library is asked only when
 * memory is out, for the handler and the exception.
 */
#include "core.h"

void *malloc(size_t size);
void free(void *p);
int posix_memalign(void **p, size_t align, size_t size);

typedef void (*new_handler)(void);
__attribute__((weak)) new_handler _ZSt15get_new_handlerv(void);
__attribute__((weak)) void _ZSt17__throw_bad_allocv(void);

cold static void *new_slow(size_t size, size_t align, bool throws)
{
	for (;;) {
		new_handler handler = _ZSt15get_new_handlerv ? _ZSt15get_new_handlerv() : NULL;
		void *p = NULL;

		if (!handler)
			break;
		handler();
		if (!posix_memalign(&p, align, size))
			return p;
	}
	if (throws && _ZSt17__throw_bad_allocv)
		_ZSt17__throw_bad_allocv();
	if (throws)
		die("operator new: out of memory", NULL);
	return NULL;
}

static inline void *new (size_t size, bool throws)
{
	void *p = malloc(size);

	return likely(p != NULL) ? p : new_slow(size, ALIGNMENT, throws);
}

static void *new_aligned(size_t size, size_t align, bool throws)
{
	void *p;

	if (align < sizeof(void *))
		align = sizeof(void *);
	return posix_memalign(&p, align, size) ? new_slow(size, align, throws) : p;
}

/* The names as the C++ ABI writes them: m or j is size_t, as the machine has it. */
#ifdef __LP64__
#define NAME(a, z) a##m##z
#else
#define NAME(a, z) a##j##z
#endif

#define NEW(name, throws)                                                                          \
	EXPORT void *NAME(name, )(size_t size);                                                    \
	EXPORT void *NAME(name, )(size_t size)                                                     \
	{                                                                                          \
		return new (size, true);                                                           \
	}                                                                                          \
	EXPORT void *NAME(name, RKSt9nothrow_t)(size_t size, const void *tag);                     \
	EXPORT void *NAME(name, RKSt9nothrow_t)(size_t size, const void *tag)                      \
	{                                                                                          \
		(void)tag;                                                                         \
		return new (size, false);                                                          \
	}                                                                                          \
	EXPORT void *NAME(name, St11align_val_t)(size_t size, size_t align);                       \
	EXPORT void *NAME(name, St11align_val_t)(size_t size, size_t align)                        \
	{                                                                                          \
		return new_aligned(size, align, true);                                             \
	}                                                                                          \
	EXPORT void *NAME(name, St11align_val_tRKSt9nothrow_t)(                                    \
		size_t size, size_t align, const void *tag);                                       \
	EXPORT void *NAME(name, St11align_val_tRKSt9nothrow_t)(                                    \
		size_t size, size_t align, const void *tag)                                        \
	{                                                                                          \
		(void)tag;                                                                         \
		return new_aligned(size, align, false);                                            \
	}

#define DELETE(name)                                                                               \
	EXPORT void name(void *p);                                                                 \
	EXPORT void name(void *p)                                                                  \
	{                                                                                          \
		free(p);                                                                           \
	}
#define DELETE2(name, type)                                                                        \
	EXPORT void name(void *p, type a);                                                         \
	EXPORT void name(void *p, type a)                                                          \
	{                                                                                          \
		(void)a;                                                                           \
		free(p);                                                                           \
	}
#define DELETE3(name, type, type2)                                                                 \
	EXPORT void name(void *p, type a, type2 b);                                                \
	EXPORT void name(void *p, type a, type2 b)                                                 \
	{                                                                                          \
		(void)a;                                                                           \
		(void)b;                                                                           \
		free(p);                                                                           \
	}
#define DELETES(name)                                                                              \
	DELETE(name##Pv)                                                                           \
	DELETE2(NAME(name##Pv, ), size_t)                                                          \
	DELETE2(name##PvRKSt9nothrow_t, const void *)                                              \
	DELETE2(name##PvSt11align_val_t, size_t)                                                   \
	DELETE3(NAME(name##Pv, St11align_val_t), size_t, size_t)                                   \
	DELETE3(name##PvSt11align_val_tRKSt9nothrow_t, size_t, const void *)

NEW(_Znw, )
NEW(_Zna, )
DELETES(_Zdl)
DELETES(_Zda)

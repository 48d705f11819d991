/*
 * Static probes: a nop in the code and a note that says where it is and where
 * its arguments are.  Nothing happens until a tracer looks at the note.
 *
 * Everything here begins with _dt_sdt or _DT_SDT: headers that `dtrace -h`
 * makes hold a copy of this file, and may be used together with any sys/sdt.h.
 * The note's layout is SystemTap's version 3, which all tracers of Linux read.
 *
 *	_DT_SDT_PROBEn(provider, name, semaphore, arguments...)
 *
 * semaphore is an address that the assembler knows, or 0.
 */
#ifndef _DT_SDT_VERSION
#define _DT_SDT_VERSION 1

#define _DT_SDT_STR_(x) #x
#define _DT_SDT_STR(x) _DT_SDT_STR_(x)

/* Where an argument may be: its place is only written down. */
#if defined(__x86_64__) || defined(__i386__)
#define _DT_SDT_PLACE "nor"
#else
#define _DT_SDT_PLACE "nr"
#endif

#if __SIZEOF_POINTER__ == 8
#define _DT_SDT_WORD ".8byte"
#else
#define _DT_SDT_WORD ".4byte"
#endif

/* Floating-point values are passed as their bits, so that constants stay constants. */
__attribute__((__always_inline__, __unused__)) static inline unsigned _dt_sdt_bits4(float v)
{
	union { float v; unsigned bits; } u;

	u.v = v;
	return u.bits;
}
__attribute__((__always_inline__, __unused__)) static inline unsigned long _dt_sdt_bits8(double v)
{
	union { double v; unsigned long bits; } u;

	u.v = v;
	return u.bits;
}

/*
 * Of an argument: its value as it would be passed (arrays as pointers, nothing
 * promoted), its size (negative: signed) and whether it is floating.
 */
#ifdef __cplusplus

extern "C++" {	/* also where somebody includes this inside extern "C" */
template <class T> struct _dt_sdt_type {
	enum { is_float = 0, is_signed = (T)-1 < (T)1 };
};
template <class T> struct _dt_sdt_type<T *> { enum { is_float = 0, is_signed = 0 }; };
template <> struct _dt_sdt_type<bool> { enum { is_float = 0, is_signed = 0 }; };
template <> struct _dt_sdt_type<float> { enum { is_float = 1, is_signed = 0 }; };
template <> struct _dt_sdt_type<double> { enum { is_float = 1, is_signed = 0 }; };
template <> struct _dt_sdt_type<long double> { enum { is_float = 1, is_signed = 0 }; };
template <class T> char (&_dt_sdt_sign(T))[_dt_sdt_type<T>::is_signed ? 2 : 1];
template <class T> char (&_dt_sdt_fp(T))[_dt_sdt_type<T>::is_float ? 2 : 1];
template <class T> __attribute__((__always_inline__)) inline T _dt_sdt_value(T v)
{
	return v;
}
__attribute__((__always_inline__)) inline unsigned _dt_sdt_value(float v)
{
	return _dt_sdt_bits4(v);
}
__attribute__((__always_inline__)) inline unsigned long _dt_sdt_value(double v)
{
	return _dt_sdt_bits8(v);
}
__attribute__((__always_inline__)) inline unsigned long _dt_sdt_value(long double v)
{
	return _dt_sdt_bits8((double)v);
}
}
#define _DT_SDT_SIGNED(x) (sizeof(_dt_sdt_sign(x)) == 2)
#define _DT_SDT_FLOAT(x) ((int)sizeof(_dt_sdt_fp(x)) - 1)
#define _DT_SDT_BYTES(x) ((int)sizeof(_dt_sdt_value(x)))
#define _DT_SDT_VALUE(x) _dt_sdt_value(x)

#else

#define _DT_SDT_IS_POINTER(x) (__builtin_classify_type(x) == 5)
#define _DT_SDT_FLOAT(x) (__builtin_classify_type(x) == 8)
/* A number of the argument's type, to ask after its sign. */
#define _DT_SDT_NUMBER(x) __builtin_choose_expr(_DT_SDT_IS_POINTER(x), 0ul, x)
#define _DT_SDT_SIGNED(x)                                                          \
	(!_DT_SDT_FLOAT(x) &&                                                      \
	 (__typeof__(_DT_SDT_NUMBER(x)))-1 < (__typeof__(_DT_SDT_NUMBER(x)))1)
#define _DT_SDT_BYTES(x)                                                           \
	(sizeof(_DT_SDT_NUMBER(x)) > 8 ? 8 : (int)sizeof(_DT_SDT_NUMBER(x)))
#define _DT_SDT_REAL(x) __builtin_choose_expr(_DT_SDT_FLOAT(x), x, 0.0)
#define _DT_SDT_VALUE(x)                                                           \
	__builtin_choose_expr(_DT_SDT_IS_POINTER(x), ((void)0, (x)),               \
	__builtin_choose_expr(!_DT_SDT_FLOAT(x), x,                                \
	__builtin_choose_expr(sizeof(_DT_SDT_NUMBER(x)) == 4, _dt_sdt_bits4((float)_DT_SDT_REAL(x)), \
			      _dt_sdt_bits8((double)_DT_SDT_REAL(x)))))

#endif

#define _DT_SDT_SIZE(x) (_DT_SDT_BYTES(x) * (_DT_SDT_SIGNED(x) ? -1 : 1))

/*
 * One argument in the note: "-4@%eax", "8f@%xmm0".  An asm statement takes 30
 * operands, so size and kind are one number: floating ones are 100 more.
 */
#define _DT_SDT_ITEM(n)                                                            \
	".if %c[_dt_kind" #n "] == 104\n"                                           \
	".ascii \"4f\"\n"                                                           \
	".elseif %c[_dt_kind" #n "] == 108\n"                                       \
	".ascii \"8f\"\n"                                                           \
	".else\n"                                                                  \
	".ascii \"%c[_dt_kind" #n "]\"\n"                                           \
	".endif\n"                                                                 \
	".ascii \"@%[_dt_arg" #n "]\"\n"
#define _DT_SDT_BLANK ".ascii \" \"\n"
#define _DT_SDT_OPERAND(n, x)                                                      \
	[_dt_kind##n] "n"(_DT_SDT_SIZE(x) + 100 * _DT_SDT_FLOAT(x)),               \
	[_dt_arg##n] _DT_SDT_PLACE(_DT_SDT_VALUE(x))

/* The nop and its note; .stapsdt.base tells readers how far a file was moved. */
#define _DT_SDT_SITE(provider, name, semaphore, items, ...)                        \
	do {                                                                       \
	__asm__ __volatile__(                                                      \
		"990: nop\n"                                                       \
		".pushsection .note.stapsdt,\"?\",\"note\"\n"                       \
		".balign 4\n"                                                      \
		".4byte 992f-991f, 994f-993f, 3\n"                                 \
		"991: .asciz \"stapsdt\"\n"                                        \
		"992: .balign 4\n"                                                 \
		"993: " _DT_SDT_WORD " 990b\n"                                     \
		_DT_SDT_WORD " _.stapsdt.base\n"                                   \
		_DT_SDT_WORD " " semaphore "\n"                                    \
		".asciz \"" provider "\"\n"                                        \
		".asciz \"" name "\"\n"                                            \
		items                                                              \
		".byte 0\n"                                                        \
		"994: .balign 4\n"                                                 \
		".popsection\n"                                                    \
		".ifndef _.stapsdt.base\n"                                         \
		".pushsection .stapsdt.base,\"aG\",\"progbits\",.stapsdt.base,comdat\n" \
		".weak _.stapsdt.base\n"                                           \
		".hidden _.stapsdt.base\n"                                         \
		"_.stapsdt.base: .space 1\n"                                       \
		".size _.stapsdt.base, 1\n"                                        \
		".popsection\n"                                                    \
		".endif\n"                                                         \
		: : __VA_ARGS__ : "memory"); /* what pointers point to is read */ \
	} while (0)

#define _DT_SDT_PROBE0(provider, name, semaphore)	\
	_DT_SDT_SITE(provider, name, semaphore, "", [_dt_none] "n"(0))
#define _DT_SDT_PROBE1(provider, name, semaphore, a0)	\
	_DT_SDT_SITE(provider, name, semaphore, _DT_SDT_ITEM(0),	\
	_DT_SDT_OPERAND(0, a0))
#define _DT_SDT_PROBE2(provider, name, semaphore, a0, a1)	\
	_DT_SDT_SITE(provider, name, semaphore, _DT_SDT_ITEM(0)	\
	_DT_SDT_BLANK _DT_SDT_ITEM(1), _DT_SDT_OPERAND(0, a0),	\
	_DT_SDT_OPERAND(1, a1))
#define _DT_SDT_PROBE3(provider, name, semaphore, a0, a1, a2)	\
	_DT_SDT_SITE(provider, name, semaphore, _DT_SDT_ITEM(0)	\
	_DT_SDT_BLANK _DT_SDT_ITEM(1) _DT_SDT_BLANK _DT_SDT_ITEM(2),	\
	_DT_SDT_OPERAND(0, a0), _DT_SDT_OPERAND(1, a1), _DT_SDT_OPERAND(2,	\
	a2))
#define _DT_SDT_PROBE4(provider, name, semaphore, a0, a1, a2, a3)	\
	_DT_SDT_SITE(provider, name, semaphore, _DT_SDT_ITEM(0)	\
	_DT_SDT_BLANK _DT_SDT_ITEM(1) _DT_SDT_BLANK _DT_SDT_ITEM(2)	\
	_DT_SDT_BLANK _DT_SDT_ITEM(3), _DT_SDT_OPERAND(0, a0),	\
	_DT_SDT_OPERAND(1, a1), _DT_SDT_OPERAND(2, a2), _DT_SDT_OPERAND(3,	\
	a3))
#define _DT_SDT_PROBE5(provider, name, semaphore, a0, a1, a2, a3, a4)	\
	_DT_SDT_SITE(provider, name, semaphore, _DT_SDT_ITEM(0)	\
	_DT_SDT_BLANK _DT_SDT_ITEM(1) _DT_SDT_BLANK _DT_SDT_ITEM(2)	\
	_DT_SDT_BLANK _DT_SDT_ITEM(3) _DT_SDT_BLANK _DT_SDT_ITEM(4),	\
	_DT_SDT_OPERAND(0, a0), _DT_SDT_OPERAND(1, a1), _DT_SDT_OPERAND(2,	\
	a2), _DT_SDT_OPERAND(3, a3), _DT_SDT_OPERAND(4, a4))
#define _DT_SDT_PROBE6(provider, name, semaphore, a0, a1, a2, a3, a4, a5)	\
	_DT_SDT_SITE(provider, name, semaphore, _DT_SDT_ITEM(0)	\
	_DT_SDT_BLANK _DT_SDT_ITEM(1) _DT_SDT_BLANK _DT_SDT_ITEM(2)	\
	_DT_SDT_BLANK _DT_SDT_ITEM(3) _DT_SDT_BLANK _DT_SDT_ITEM(4)	\
	_DT_SDT_BLANK _DT_SDT_ITEM(5), _DT_SDT_OPERAND(0, a0),	\
	_DT_SDT_OPERAND(1, a1), _DT_SDT_OPERAND(2, a2), _DT_SDT_OPERAND(3,	\
	a3), _DT_SDT_OPERAND(4, a4), _DT_SDT_OPERAND(5, a5))
#define _DT_SDT_PROBE7(provider, name, semaphore, a0, a1, a2, a3, a4, a5, a6)	\
	_DT_SDT_SITE(provider, name, semaphore, _DT_SDT_ITEM(0)	\
	_DT_SDT_BLANK _DT_SDT_ITEM(1) _DT_SDT_BLANK _DT_SDT_ITEM(2)	\
	_DT_SDT_BLANK _DT_SDT_ITEM(3) _DT_SDT_BLANK _DT_SDT_ITEM(4)	\
	_DT_SDT_BLANK _DT_SDT_ITEM(5) _DT_SDT_BLANK _DT_SDT_ITEM(6),	\
	_DT_SDT_OPERAND(0, a0), _DT_SDT_OPERAND(1, a1), _DT_SDT_OPERAND(2,	\
	a2), _DT_SDT_OPERAND(3, a3), _DT_SDT_OPERAND(4, a4),	\
	_DT_SDT_OPERAND(5, a5), _DT_SDT_OPERAND(6, a6))
#define _DT_SDT_PROBE8(provider, name, semaphore, a0, a1, a2, a3, a4, a5, a6, a7)	\
	_DT_SDT_SITE(provider, name, semaphore, _DT_SDT_ITEM(0)	\
	_DT_SDT_BLANK _DT_SDT_ITEM(1) _DT_SDT_BLANK _DT_SDT_ITEM(2)	\
	_DT_SDT_BLANK _DT_SDT_ITEM(3) _DT_SDT_BLANK _DT_SDT_ITEM(4)	\
	_DT_SDT_BLANK _DT_SDT_ITEM(5) _DT_SDT_BLANK _DT_SDT_ITEM(6)	\
	_DT_SDT_BLANK _DT_SDT_ITEM(7), _DT_SDT_OPERAND(0, a0),	\
	_DT_SDT_OPERAND(1, a1), _DT_SDT_OPERAND(2, a2), _DT_SDT_OPERAND(3,	\
	a3), _DT_SDT_OPERAND(4, a4), _DT_SDT_OPERAND(5, a5),	\
	_DT_SDT_OPERAND(6, a6), _DT_SDT_OPERAND(7, a7))
#define _DT_SDT_PROBE9(provider, name, semaphore, a0, a1, a2, a3, a4, a5, a6, a7, a8)	\
	_DT_SDT_SITE(provider, name, semaphore, _DT_SDT_ITEM(0)	\
	_DT_SDT_BLANK _DT_SDT_ITEM(1) _DT_SDT_BLANK _DT_SDT_ITEM(2)	\
	_DT_SDT_BLANK _DT_SDT_ITEM(3) _DT_SDT_BLANK _DT_SDT_ITEM(4)	\
	_DT_SDT_BLANK _DT_SDT_ITEM(5) _DT_SDT_BLANK _DT_SDT_ITEM(6)	\
	_DT_SDT_BLANK _DT_SDT_ITEM(7) _DT_SDT_BLANK _DT_SDT_ITEM(8),	\
	_DT_SDT_OPERAND(0, a0), _DT_SDT_OPERAND(1, a1), _DT_SDT_OPERAND(2,	\
	a2), _DT_SDT_OPERAND(3, a3), _DT_SDT_OPERAND(4, a4),	\
	_DT_SDT_OPERAND(5, a5), _DT_SDT_OPERAND(6, a6), _DT_SDT_OPERAND(7,	\
	a7), _DT_SDT_OPERAND(8, a8))
#define _DT_SDT_PROBE10(provider, name, semaphore, a0, a1, a2, a3, a4, a5, a6, a7, a8, a9)	\
	_DT_SDT_SITE(provider, name, semaphore, _DT_SDT_ITEM(0)	\
	_DT_SDT_BLANK _DT_SDT_ITEM(1) _DT_SDT_BLANK _DT_SDT_ITEM(2)	\
	_DT_SDT_BLANK _DT_SDT_ITEM(3) _DT_SDT_BLANK _DT_SDT_ITEM(4)	\
	_DT_SDT_BLANK _DT_SDT_ITEM(5) _DT_SDT_BLANK _DT_SDT_ITEM(6)	\
	_DT_SDT_BLANK _DT_SDT_ITEM(7) _DT_SDT_BLANK _DT_SDT_ITEM(8)	\
	_DT_SDT_BLANK _DT_SDT_ITEM(9), _DT_SDT_OPERAND(0, a0),	\
	_DT_SDT_OPERAND(1, a1), _DT_SDT_OPERAND(2, a2), _DT_SDT_OPERAND(3,	\
	a3), _DT_SDT_OPERAND(4, a4), _DT_SDT_OPERAND(5, a5),	\
	_DT_SDT_OPERAND(6, a6), _DT_SDT_OPERAND(7, a7), _DT_SDT_OPERAND(8,	\
	a8), _DT_SDT_OPERAND(9, a9))
#define _DT_SDT_PROBE11(provider, name, semaphore, a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10)	\
	_DT_SDT_SITE(provider, name, semaphore, _DT_SDT_ITEM(0)	\
	_DT_SDT_BLANK _DT_SDT_ITEM(1) _DT_SDT_BLANK _DT_SDT_ITEM(2)	\
	_DT_SDT_BLANK _DT_SDT_ITEM(3) _DT_SDT_BLANK _DT_SDT_ITEM(4)	\
	_DT_SDT_BLANK _DT_SDT_ITEM(5) _DT_SDT_BLANK _DT_SDT_ITEM(6)	\
	_DT_SDT_BLANK _DT_SDT_ITEM(7) _DT_SDT_BLANK _DT_SDT_ITEM(8)	\
	_DT_SDT_BLANK _DT_SDT_ITEM(9) _DT_SDT_BLANK _DT_SDT_ITEM(10),	\
	_DT_SDT_OPERAND(0, a0), _DT_SDT_OPERAND(1, a1), _DT_SDT_OPERAND(2,	\
	a2), _DT_SDT_OPERAND(3, a3), _DT_SDT_OPERAND(4, a4),	\
	_DT_SDT_OPERAND(5, a5), _DT_SDT_OPERAND(6, a6), _DT_SDT_OPERAND(7,	\
	a7), _DT_SDT_OPERAND(8, a8), _DT_SDT_OPERAND(9, a9),	\
	_DT_SDT_OPERAND(10, a10))
#define _DT_SDT_PROBE12(provider, name, semaphore, a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11)	\
	_DT_SDT_SITE(provider, name, semaphore, _DT_SDT_ITEM(0)	\
	_DT_SDT_BLANK _DT_SDT_ITEM(1) _DT_SDT_BLANK _DT_SDT_ITEM(2)	\
	_DT_SDT_BLANK _DT_SDT_ITEM(3) _DT_SDT_BLANK _DT_SDT_ITEM(4)	\
	_DT_SDT_BLANK _DT_SDT_ITEM(5) _DT_SDT_BLANK _DT_SDT_ITEM(6)	\
	_DT_SDT_BLANK _DT_SDT_ITEM(7) _DT_SDT_BLANK _DT_SDT_ITEM(8)	\
	_DT_SDT_BLANK _DT_SDT_ITEM(9) _DT_SDT_BLANK _DT_SDT_ITEM(10)	\
	_DT_SDT_BLANK _DT_SDT_ITEM(11), _DT_SDT_OPERAND(0, a0),	\
	_DT_SDT_OPERAND(1, a1), _DT_SDT_OPERAND(2, a2), _DT_SDT_OPERAND(3,	\
	a3), _DT_SDT_OPERAND(4, a4), _DT_SDT_OPERAND(5, a5),	\
	_DT_SDT_OPERAND(6, a6), _DT_SDT_OPERAND(7, a7), _DT_SDT_OPERAND(8,	\
	a8), _DT_SDT_OPERAND(9, a9), _DT_SDT_OPERAND(10, a10),	\
	_DT_SDT_OPERAND(11, a11))

#endif

/* SPDX-License-Identifier: MIT
 * Whether a sanitizer's library is in this program: it needs more of the system than we do. */
#ifndef PXR_CONFINE_SANITIZED_H
#define PXR_CONFINE_SANITIZED_H

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define PXR_IS_SANITIZED 1
#elif defined __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define PXR_IS_SANITIZED 1
#endif
#endif
#ifndef PXR_IS_SANITIZED
#define PXR_IS_SANITIZED 0
#endif

#endif

/* SPDX-License-Identifier: EUPL-1.2 */
/* The set of common passwords (content/passwords/README.md), as it lies in the tree. */
.section .rodata
.global password_set
password_set: .incbin PASSWORD_SET
.global password_set_end
password_set_end: .byte 0
.section .note.GNU-stack,"",@progbits

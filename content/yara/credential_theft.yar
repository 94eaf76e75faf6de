// SPDX-License-Identifier: EUPL-1.2

rule lsass_memory_dump : credentials
{
	meta:
		description = "Memory dump of LSASS: the passwords of whoever was signed in"
		title_vi = "Tệp kết xuất bộ nhớ LSASS: chứa mật khẩu của người đã đăng nhập"
		author = "Khiên"
		level = "critical"
		reference = "https://attack.mitre.org/techniques/T1003/001/"
	strings:
		$lsass = "lsass.exe" nocase wide
		$a1 = "lsasrv.dll" nocase wide
		$a2 = "wdigest.dll" nocase wide
		$a3 = "samsrv.dll" nocase wide
	condition:
		// MDMP, or turned round so that scanners look away
		(uint32(0) == 0x504d444d or uint32be(0) == 0x504d444d) and $lsass and any of ($a*)
}

rule mimikatz : credentials
{
	meta:
		description = "Mimikatz, a program that takes passwords out of memory, or a script that carries it"
		title_vi = "Mimikatz: chương trình lấy mật khẩu từ bộ nhớ Windows"
		author = "Khiên"
		level = "critical"
		reference = "https://attack.mitre.org/software/S0002/"
	strings:
		$a1 = "sekurlsa" ascii wide
		$a2 = "gentilkiwi" ascii wide
		$a3 = "mimikatz" nocase ascii wide
		$a4 = "logonPasswords" nocase ascii wide
		$a5 = "lsadump" ascii wide
		$a6 = "kiwi_msv1_0" ascii wide
		$a7 = "KerberosKeyList" ascii wide
	condition:
		filesize < 16MB and 4 of them and
		(uint16(0) == 0x5a4d or uint32(0) == 0x504d444d or for any of ($a*) : (# > 3))
}

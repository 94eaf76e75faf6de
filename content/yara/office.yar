// SPDX-License-Identifier: EUPL-1.2
// Macros of the newer formats (docm, xlsm) lie packed inside a ZIP, where no string can be seen from outside.

rule office_macro_starts_program : document
{
	meta:
		description = "Office document whose macro starts by itself and runs a program"
		title_vi = "Tài liệu Office có macro tự chạy và gọi chương trình khác"
		author = "Khiên"
		level = "high"
		reference = "https://attack.mitre.org/techniques/T1204/002/"
	strings:
		$vba1 = "_VBA_PROJECT" wide
		$vba2 = "Attribut"
		$auto = /\b(Auto_?Open|Auto_?Exec|Auto_?Close|Document_Open|Document_Close|Workbook_Open|Workbook_Activate)\b/ nocase
		$run1 = "WScript.Shell" nocase ascii wide
		$run2 = "ShellExecute" nocase ascii wide
		$run3 = /powershell(\.exe)?[ \t]{1,4}-/ nocase ascii wide
		$run4 = "URLDownloadToFile" nocase ascii wide
		$run5 = /cmd(\.exe)?[ \t]{1,4}\/c/ nocase ascii wide
		$run6 = /\bShell[ \t]{0,2}\(/
		$run7 = "Win32_Process" nocase ascii wide
	condition:
		uint32be(0) == 0xd0cf11e0 and filesize < 32MB and any of ($vba*) and $auto and any of ($run*)
}

rule office_rtf_equation : document
{
	meta:
		description = "RTF document with an object for the equation editor (CVE-2017-11882 and CVE-2018-0802)"
		title_vi = "Tài liệu RTF khai thác trình soạn công thức (CVE-2017-11882, CVE-2018-0802)"
		author = "Khiên"
		level = "critical"
		reference = "https://nvd.nist.gov/vuln/detail/CVE-2017-11882"
	strings:
		$object = "\\objdata" nocase
		$class = "02ce020000000000c0000000000000" nocase
		// "Equation.3" as hexadecimal text
		$name = "4571756174696f6e2e33" nocase
		$update = "\\objupdate" nocase
	condition:
		uint32be(0) == 0x7b5c7274 and filesize < 16MB and $object and ($name or $class) and ($update or filesize < 1MB)
}

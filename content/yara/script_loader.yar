// SPDX-License-Identifier: EUPL-1.2

rule script_encoded_file : script
{
	meta:
		description = "Encoded script (VBE, JSE): made so that nobody reads it"
		title_vi = "Tập lệnh bị mã hóa (VBE, JSE)"
		author = "Khiên"
		level = "medium"
		reference = "https://attack.mitre.org/techniques/T1027/"
	strings:
		$begin = /#@~\^[A-Za-z0-9+\/]{6}==/
		$end = "==^#~@"
	condition:
		filesize < 4MB and $begin in (0..4096) and $end
}

rule script_downloader : script
{
	meta:
		description = "Script for the Windows script host that fetches a file, saves and starts it"
		title_vi = "Tập lệnh Windows tải tệp về, lưu và chạy"
		author = "Khiên"
		level = "high"
		reference = "https://attack.mitre.org/techniques/T1105/"
	strings:
		$create = /\b(ActiveXObject|CreateObject)[ \t]{0,4}\(/ nocase ascii wide
		$http = /(MSXML2\.(Server)?XMLHTTP|Microsoft\.XMLHTTP|WinHttp\.WinHttpRequest)/ nocase ascii wide
		$save1 = "ADODB.Stream" nocase ascii wide
		$save2 = "SaveToFile" nocase ascii wide
		$run = /WScript\.Shell|Shell\.Application|ShellExecute|Win32_Process/ nocase ascii wide
	condition:
		filesize < 2MB and uint16(0) != 0x5a4d and $create and $http and all of ($save*) and $run
}

rule script_batch_cut_up : script
{
	meta:
		description = "Batch file whose commands are put together letter by letter"
		title_vi = "Tệp lệnh batch bị cắt vụn từng ký tự để che giấu"
		author = "Khiên"
		level = "medium"
		reference = "https://attack.mitre.org/techniques/T1027/010/"
	strings:
		$letter = /%[^%\r\n \t]{1,24}:~[0-9]{1,4},1%/
		$set = /\bset[ \t]{1,4}"?[^=\r\n]{1,24}=/ nocase
	condition:
		filesize < 8MB and $set and #letter > 40
}

rule script_python_loader : script
{
	meta:
		description = "Python that unpacks hidden code and runs it at once"
		title_vi = "Mã Python bị che giấu: giải mã rồi chạy ngay"
		author = "Khiên"
		level = "high"
		reference = "https://attack.mitre.org/techniques/T1027/013/"
	strings:
		$a1 = /\bexec[ \t]{0,2}\([ \t]{0,2}((zlib|gzip|lzma|bz2|base64|marshal|codecs|__import__\([ \t]{0,2}['"](zlib|base64|marshal|codecs|builtins)['"][ \t]{0,2}\))\.(decompress|b64decode|b32decode|b85decode|loads|decode)[ \t]{0,2}\([ \t]{0,2}){1,4}b?['"]{1,3}[^'"\r\n]{200}/
		$a2 = /\bexec[ \t]{0,2}\([ \t]{0,2}\(?_\)?\([ \t]{0,2}b?['"]{1,3}[^'"\r\n]{200}/
		$a3 = /\bexec[ \t]{0,2}\([ \t]{0,2}requests\.get[ \t]{0,2}\(/
		$fernet = /\bexec[ \t]{0,2}\([ \t]{0,2}Fernet[ \t]{0,2}\(/
	condition:
		filesize < 8MB and uint32(0) != 0x464c457f and any of them
}
